//! `#[bobbin::method]`.

#![allow(clippy::wildcard_enum_match_arm, reason = "syn's enums are foreign and many")]

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, ItemFn, Result, ReturnType, Type};

use crate::task::{Options, check, owned, success};

/// The unit struct that stands for the method, and its registration.
pub fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(arguments)?;
    let function: ItemFn = syn::parse2(function)?;
    check(&function)?;
    if let Some(asyncness) = &function.sig.asyncness {
        let message = "a method has its state for itself while it runs, so it cannot be async: let a task wait";
        return Err(Error::new_spanned(asyncness, message));
    }
    let (state, mutable) = state(&function)?;
    let types = others(&function)?;
    let ItemFn { attrs, vis, sig, block } = &function;
    let (ident, inputs, output) = (&sig.ident, &sig.inputs, &sig.output);
    let root = &options.root;
    let (name, version) = (options.name_of(ident), options.version());
    let returned = match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, returned) => returned.as_ref().clone(),
    };
    let success = success(&returned);
    let result = success.clone().unwrap_or_else(|| returned.clone());
    let given: Vec<_> = (0..types.len()).map(|number| format_ident!("bobbin_argument_{number}")).collect();
    let count = types.len();
    let finish = match success {
        Some(_) => quote! {
            match body(bobbin_state, #(#given),*) {
                ::std::result::Result::Ok(bobbin_result) => #root::__private::finished::<#result>(&bobbin_result),
                ::std::result::Result::Err(bobbin_error) => {
                    #[allow(unused_imports, reason = "which one depends on the type")]
                    use #root::__private::{ToldAsDisplayed as _, ToldByCauses as _};
                    ::std::result::Result::Err((&#root::__private::Told(&bobbin_error)).told())
                }
            }
        },
        None => quote!(#root::__private::finished::<#result>(&body(bobbin_state, #(#given),*))),
    };
    let this = if mutable { quote!(&'state mut #state) } else { quote!(&'state #state) };
    let prefix = if mutable { "&mut " } else { "&" };
    Ok(quote! {
        #(#attrs)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #vis struct #ident;

        const _: () = {
            #[allow(clippy::ptr_arg)]
            fn body(#inputs) #output #block

            impl #root::function::Method for #ident {
                type State = #state;
                type Args = (#(#types,)*);
                type Output = #result;
                const NAME: &'static str = #name;
                const VERSION: u32 = #version;

                fn signature() -> ::std::string::String {
                    #root::__private::signature(
                        &[
                            &::std::format!("{}{}", #prefix, ::std::any::type_name::<#state>()),
                            #(::std::any::type_name::<#types>()),*
                        ],
                        ::std::any::type_name::<#result>(),
                    )
                }
            }

            impl ::std::ops::Deref for #ident {
                type Target = for<'state> fn(#this, #(#types),*) -> #returned;

                fn deref(&self) -> &Self::Target {
                    const BODY: for<'state> fn(#this, #(#types),*) -> #returned = body;
                    &BODY
                }
            }

            #[allow(unused_mut, reason = "a method without other parameters")]
            fn call(
                bobbin_state: &mut (dyn ::std::any::Any + ::std::marker::Send),
                mut bobbin_parameters: #root::__private::Parameters,
            ) -> ::std::result::Result<#root::__private::RawBytes, #root::__private::CallFailure> {
                bobbin_parameters.expect(#count)?;
                #(let #given: #types = bobbin_parameters.take()?;)*
                let bobbin_state = #root::__private::state_of::<#state>(bobbin_state)?;
                #finish
            }

            #root::__private::inventory::submit! {
                #root::__private::RegisteredMethod {
                    name: #name,
                    version: #version,
                    signature: <#ident as #root::function::Method>::signature,
                    load: #root::__private::load::<#state>,
                    call,
                    place: (::std::file!(), ::std::line!()),
                }
            }
        };
    })
}

/// The type of the first parameter, which is the state, and whether it can be changed.
fn state(function: &ItemFn) -> Result<(Type, bool)> {
    let message = "a method's first parameter is its state: write `fn name(state: &mut State, …)` or `&State`";
    match function.sig.inputs.first() {
        Some(FnArg::Typed(first)) => match first.ty.as_ref() {
            Type::Reference(reference) => Ok((reference.elem.as_ref().clone(), reference.mutability.is_some())),
            other => Err(Error::new_spanned(other, message)),
        },
        Some(FnArg::Receiver(receiver)) => Err(Error::new_spanned(receiver, message)),
        None => Err(Error::new_spanned(&function.sig, message)),
    }
}

fn others(function: &ItemFn) -> Result<Vec<Type>> {
    let typed = function.sig.inputs.iter().skip(1).filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(&parameter.ty),
        FnArg::Receiver(_) => None,
    });
    typed.map(|parameter| owned(parameter).map(|()| parameter.as_ref().clone())).collect()
}
