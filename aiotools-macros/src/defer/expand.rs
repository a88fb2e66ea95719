//! `#[defer]` and `#[adefer]`, expanded.
//!
//! ```text
//! #[defer]
//! fn work(n: u32) -> io::Result<()> { <body> }
//!
//! fn work(n: u32) -> io::Result<()> {
//!     Defers::run_fallible("app::work", move |defers| -> io::Result<()> {
//!         macro_rules! defer { .. }
//!         <body>
//!     })
//! }
//!
//! #[adefer]
//! async fn work(n: u32) -> io::Result<()> { <body> }
//!
//! async fn work(n: u32) -> io::Result<()> {
//!     let defers = AsyncDefers::<io::Error>::new("app::work");
//!     let body = { let defers = &defers; async move {
//!         macro_rules! defer { .. }
//!         <body>
//!     } };
//!     defers.run_fallible(body).await
//! }
//! ```
//!
//! A function that does not return a `Result` has `run` instead. `defer!(<call>)` becomes
//!
//! ```text
//! let call = async move { <call> };         // or `move |again| { <call> }`
//! <is its outcome a future? can its error be returned?>.push(defers, call)
//! ```
//!
//! Inside `<call>`, `defer!` is another macro of the same make, with a list that the call may keep: so a call can
//! defer in its turn. The two macros share `__aiotools_defer!`, which is told the list, and is handed a `$` with which to
//! write the next `defer!`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Ident, ReturnType, Signature};

use super::model::Model;
use crate::about::about;
use crate::coroutine_fn::at;
use crate::item_fn::FnItem;
use crate::return_type::inferred;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let name = at(item.sig.ident.span());
    let krate = &model.krate.at(name);
    let defers = Ident::new("__aiotools_defers", Span::mixed_site());
    let FnItem {
        attrs, vis, sig, ..
    } = item;
    let body = &item.body;
    let run = match model.returned.fallible {
        true => quote_spanned!(name=> run_fallible),
        false => quote_spanned!(name=> run),
    };
    let path = sig.ident.unraw().to_string();
    let about = about(krate, &path, name);
    let returned = match &sig.output {
        ReturnType::Default => quote_spanned!(name=> ()),
        ReturnType::Type(_, ty) => {
            let ty = inferred(ty).0;
            quote!(#ty)
        }
    };
    let is_async = sig.asyncness.is_some();
    let marker = defer_macro(model, is_async, &defers, name);
    let braced = quote_spanned!(at(item.braces.span_close())=> { #marker #body });
    let whole = if is_async {
        let error = match model.returned.fallible {
            true => {
                let outcome = inferred(&model.returned.outcome).0;
                quote_spanned!(name=> <#outcome as #krate::__private::FallibleFn>::Error)
            }
            false => quote_spanned!(name=> ::core::convert::Infallible),
        };
        let edge = Ident::new("__aiotools_edge", Span::mixed_site());
        let edge = quote_spanned! {at(model.returned.span)=>
            if false {
                let #edge: #returned = #krate::__private::unreachable();
                return #edge;
            }
        };
        quote_spanned! {name=>
            let #defers = #krate::__private::AsyncDefers::<#error>::new(#about);
            #defers.#run({
                let #defers = &#defers;
                async move {
                    #edge
                    #braced
                }
            }).await
        }
    } else {
        quote_spanned! {name=>
            #krate::__private::Defers::#run(#about, move |#defers| -> #returned #braced)
        }
    };
    quote! {
        #(#attrs)*
        #vis #sig {
            #whole
        }
    }
}

/// `defer!`, and what it is made of.
fn defer_macro(model: &Model, is_async: bool, defers: &Ident, name: Span) -> TokenStream {
    let krate = &model.krate.at(name);
    let call_site = |text| Ident::new(text, Span::call_site());
    let (marker, inner) = (call_site("defer"), call_site("__aiotools_defer"));
    let again_macro = quote! {
        #[allow(unused_macros)]
        macro_rules! #marker {
            ($d($d call:tt)*) => { #inner!(($d) again $d($d call)*) };
        }
    };
    let private = quote_spanned!(name=> #krate::__private);
    let push = if is_async {
        quote! {
            let again = $defers.again();
            let _ = &again;
            #[allow(clippy::async_yields_async)]
            let call = async move { #again_macro $($call)* };
            #[allow(unused_imports)]
            use #private::{
                AwaitedCall as _, FitsErrorAsync as _, PlainCall as _, ReportsErrorAsync as _,
            };
            let call = (&&#private::called(&call)).__aiotools_kind().finish(call);
            (&&#private::fits_async(&call, &$defers)).__aiotools_error().push_async(&$defers, call);
        }
    } else {
        quote! {
            let call = $defers.call(move |again| {
                let _ = again;
                #again_macro
                $($call)*
            });
            #[allow(unused_imports)]
            use #private::{FitsError as _, ReportsError as _};
            (&&#private::fits(&call, $defers)).__aiotools_error().push($defers, call);
        }
    };
    // Of the type `!`, which is neither a future nor an outcome; inside an `if` it is `()`.
    let panics = ["panic", "unreachable", "todo", "unimplemented"].map(|diverging| {
        let diverging = call_site(diverging);
        quote! {
            (($d:tt) $defers:ident #diverging ! $arguments:tt $(;)?) => {
                #inner!(($d) $defers if true { #diverging ! $arguments })
            };
        }
    });
    quote! {
        #[allow(unused_macros)]
        macro_rules! #inner {
            #(#panics)*
            (($d:tt) $defers:ident $($call:tt)*) => {{ #push }};
        }
        #[allow(unused_macros)]
        macro_rules! #marker {
            ($($call:tt)*) => { #inner!(($) #defers $($call)*) };
        }
    }
}

/// The function with the signature that it has, so that its callers type-check.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    if model.returned.has_impl_trait() {
        // Nothing can stand in for a value of a type that only the body knows.
        return TokenStream::new();
    }
    let krate = &model.krate;
    let FnItem { attrs, vis, .. } = item;
    let sig = Signature {
        constness: None,
        inputs: item.ignored_params().into_iter().collect(),
        ..item.sig.clone()
    };
    quote! {
        #(#attrs)*
        #vis #sig {
            #krate::__private::unreachable()
        }
    }
}
