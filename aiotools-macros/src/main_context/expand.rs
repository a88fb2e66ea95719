//! `#[main_context]`, expanded.
//!
//! ```text
//! #[main_context]
//! fn setup() -> Config { <body> }
//!
//! fn setup() -> MainContext<impl Coroutine<
//!     Lend = Owned<Config>,
//!     Resume = Signal,
//!     Future: Future<Output = ()> + 'static,
//! >> {
//!     MainContext::new(<coroutine>)
//! }
//! ```
//!
//! The body is not async; it stands in an async block only because that is what can be suspended. For
//! `<coroutine>` see `coroutine_fn.rs`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::FnArg;

use super::model::Model;
use crate::coroutine_fn::{CoroutineFn, at, wrapper_signature};
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let (params, lets) = item.plain_params();
    function(model, item, params, |coroutine_fn| {
        coroutine_fn.coroutine(&lets)
    })
}

/// The function with the signature that it would have had, so that `Server::main_context` type-checks.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    if model.returned.has_impl_trait() {
        return TokenStream::new();
    }
    function(model, item, item.ignored_params(), |coroutine_fn| {
        coroutine_fn.placeholder()
    })
}

fn function(
    model: &Model,
    item: &FnItem,
    params: Vec<FnArg>,
    coroutine: impl FnOnce(&CoroutineFn<'_>) -> TokenStream,
) -> TokenStream {
    let Model { krate, returned } = model;
    let outcome = &returned.outcome;
    let (lend, lend_in_body) = returned.owned_family(krate);
    let coroutine = coroutine(&CoroutineFn {
        item,
        krate,
        lend: &lend_in_body,
        resume: quote!(#krate::__private::Signal),
        returned,
    });
    let name = at(item.sig.ident.span());
    let krate = &krate.at(name);
    let returns = quote_spanned! {name=>
        #krate::__private::MainContext<
            impl #krate::__private::Coroutine<
                Lend = #lend,
                Resume = #krate::__private::Signal,
                Future: ::core::future::Future<Output = #outcome> + 'static,
            >
        >
    };
    let sig = wrapper_signature(&item.sig, params, &returns);
    let construct = quote_spanned!(name=> <#krate::__private::MainContext<_>>::new(#coroutine));
    let FnItem { attrs, vis, .. } = item;
    quote! {
        #(#attrs)*
        #vis #sig {
            #construct
        }
    }
}
