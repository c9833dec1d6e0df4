//! `#[bobbin::task]`.

#![allow(clippy::wildcard_enum_match_arm, reason = "syn's enums are foreign and many")]

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, Ident, ItemFn, LitBool, LitInt, LitStr, Path, PathArguments, Result, ReturnType,
    Type,
};

/// Parameters that a tuple of arguments may have.
const MOST_PARAMETERS: usize = 8;

/// What stands in the parentheses of the attribute.
pub(crate) struct Options {
    name: Option<LitStr>,
    version: Option<LitInt>,
    pure: bool,
    pub(crate) root: Path,
}

impl Options {
    /// What the function is called on the wire.
    pub(crate) fn name_of(&self, ident: &Ident) -> TokenStream {
        match &self.name {
            Some(name) => quote!(#name),
            None => quote!(::std::concat!(::std::module_path!(), "::", ::std::stringify!(#ident))),
        }
    }

    /// Its version.
    pub(crate) fn version(&self) -> TokenStream {
        self.version.as_ref().map_or_else(|| quote!(0), |version| quote!(#version))
    }

    pub(crate) fn parse(arguments: TokenStream) -> Result<Options> {
        let root = syn::parse_quote!(::bobbin);
        let mut options = Options { name: None, version: None, pure: true, root };
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("version") {
                let version: LitInt = meta.value()?.parse()?;
                version.base10_parse::<u32>()?;
                options.version = Some(version);
            } else if meta.path.is_ident("pure") {
                options.pure = meta.value()?.parse::<LitBool>()?.value;
            } else if meta.path.is_ident("crate") {
                options.root = meta.value()?.call(Path::parse_mod_style)?;
            } else {
                return Err(meta.error("unknown option; there are name = \"…\", version = N and pure = false"));
            }
            Ok(())
        });
        parser.parse2(arguments)?;
        Ok(options)
    }
}

/// The unit struct that stands for the function, and its registration.
pub fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(arguments)?;
    let function: ItemFn = syn::parse2(function)?;
    check(&function)?;
    let types = parameters(&function)?;
    let ItemFn { attrs, vis, sig, block } = &function;
    let (ident, inputs, asyncness, output) = (&sig.ident, &sig.inputs, &sig.asyncness, &sig.output);
    let root = &options.root;
    let (name, version) = (options.name_of(ident), options.version());
    let pure = options.pure;
    let returned = match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, returned) => returned.as_ref().clone(),
    };
    let success = success(&returned);
    let result = success.clone().unwrap_or_else(|| returned.clone());
    let given: Vec<_> = (0..types.len()).map(|number| format_ident!("bobbin_argument_{number}")).collect();
    let count = types.len();
    let awaited = asyncness.map(|_| quote!(.await));
    let finish = match success {
        Some(_) => quote! {
            match body(#(#given),*) #awaited {
                ::std::result::Result::Ok(bobbin_result) => #root::__private::finished::<#result>(&bobbin_result),
                ::std::result::Result::Err(bobbin_error) => {
                    #[allow(unused_imports, reason = "which one depends on the type")]
                    use #root::__private::{ToldAsDisplayed as _, ToldByCauses as _};
                    ::std::result::Result::Err((&#root::__private::Told(&bobbin_error)).told())
                }
            }
        },
        None => quote!(#root::__private::finished::<#result>(&body(#(#given),*) #awaited)),
    };
    // An async function is called here as what it is: a function that gives a future.
    let called = match asyncness {
        Some(_) => quote! {
            ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = #returned> + ::std::marker::Send>>
        },
        None => quote!(#returned),
    };
    let target = match asyncness {
        Some(_) => quote!(|#(#given),*| ::std::boxed::Box::pin(body(#(#given),*))),
        None => quote!(body),
    };
    Ok(quote! {
        #(#attrs)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #vis struct #ident;

        const _: () = {
            #[allow(clippy::ptr_arg)]
            #asyncness fn body(#inputs) #output #block

            impl #root::function::Function for #ident {
                type Args = (#(#types,)*);
                type Output = #result;
                const NAME: &'static str = #name;
                const VERSION: u32 = #version;
                const PURE: bool = #pure;

                fn signature() -> ::std::string::String {
                    #root::__private::signature(
                        &[#(::std::any::type_name::<#types>()),*],
                        ::std::any::type_name::<#result>(),
                    )
                }
            }

            impl ::std::ops::Deref for #ident {
                type Target = fn(#(#types),*) -> #called;

                fn deref(&self) -> &Self::Target {
                    const BODY: fn(#(#types),*) -> #called = #target;
                    &BODY
                }
            }

            #[allow(unused_mut, reason = "a function without parameters")]
            fn call(mut bobbin_parameters: #root::__private::Parameters) -> #root::__private::CallFuture {
                ::std::boxed::Box::pin(async move {
                    bobbin_parameters.expect(#count)?;
                    #(let #given: #types = bobbin_parameters.take()?;)*
                    #finish
                })
            }

            #root::__private::inventory::submit! {
                #root::__private::Registered {
                    name: #name,
                    version: #version,
                    signature: <#ident as #root::function::Function>::signature,
                    call,
                    place: (::std::file!(), ::std::line!()),
                }
            }
        };
    })
}

/// What cannot be called from another process.
pub(crate) fn check(function: &ItemFn) -> Result<()> {
    let sig = &function.sig;
    if !sig.generics.params.is_empty() {
        let message =
            "a task has no generic parameters: a worker finds it by its name alone; write a task for each type";
        return Err(Error::new_spanned(&sig.generics, message));
    }
    if let Some(unsafety) = &sig.unsafety {
        return Err(Error::new_spanned(
            unsafety,
            "a task cannot be unsafe: nobody can promise anything for a remote call",
        ));
    }
    if sig.inputs.len() > MOST_PARAMETERS {
        let message = format!("a task has at most {MOST_PARAMETERS} parameters; put some of them into a struct");
        return Err(Error::new_spanned(&sig.inputs, message));
    }
    Ok(())
}

/// The types of the parameters.
fn parameters(function: &ItemFn) -> Result<Vec<Type>> {
    let typed = |input: &FnArg| match input {
        FnArg::Receiver(receiver) => Err(Error::new_spanned(
            receiver,
            "a task is no method: write a function that takes what it needs as parameters",
        )),
        FnArg::Typed(parameter) => {
            owned(&parameter.ty)?;
            Ok(parameter.ty.as_ref().clone())
        }
    };
    function.sig.inputs.iter().map(typed).collect()
}

pub(crate) fn owned(parameter: &Type) -> Result<()> {
    let message = match parameter {
        Type::Reference(_) => {
            "a task takes owned values: String instead of &str, Vec<T> instead of &[T], bobbin::Bytes instead of &[u8]"
        }
        Type::ImplTrait(_) => "a task takes values of named types: `impl Trait` could be any",
        _ => return Ok(()),
    };
    Err(Error::new(parameter.span(), message))
}

/// The `T` of a `Result<T, E>`, by whatever path it is called.
pub(crate) fn success(returned: &Type) -> Option<Type> {
    let Type::Path(path) = returned else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(success) => Some(success.clone()),
        _ => None,
    })
}
