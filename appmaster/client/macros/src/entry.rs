//! `#[bobbin::main]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result, ReturnType};

/// A plain `main` that runs the function as the driver, unless the process is to be a worker.
pub fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "#[bobbin::main] takes no arguments"));
    }
    let ItemFn { attrs, sig, block, .. } = syn::parse2(function)?;
    if sig.asyncness.is_none() {
        return Err(Error::new_spanned(
            sig.fn_token,
            "write `async fn main`: the program waits for its futures with `.await`",
        ));
    }
    if !sig.inputs.is_empty() {
        return Err(Error::new_spanned(sig.inputs, "main takes no parameters; its arguments are in std::env::args()"));
    }
    let output = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) => quote!(#output),
    };
    Ok(quote! {
        #(#attrs)*
        fn main() -> ::std::process::ExitCode {
            async fn driver() -> #output #block
            ::bobbin::__private::run_main(|| async {
                #[allow(unused_imports, reason = "which one depends on the type")]
                use ::bobbin::__private::main::{ToldAsDisplayed as _, ToldByCauses as _};
                (&::bobbin::__private::Ended(driver().await)).told()
            })
        }
    })
}
