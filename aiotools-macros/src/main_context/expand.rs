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

use super::model::Model;
use crate::coroutine_fn::{CoroutineFn, wrapper_signature};
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    function(model, item, |coroutine_fn| {
        coroutine_fn.coroutine(&TokenStream::new())
    })
}

/// The function with the signature that it would have had, so that `Server::main_context` type-checks.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    if model.returned.has_impl_trait() {
        return TokenStream::new();
    }
    function(model, item, |coroutine_fn| coroutine_fn.placeholder())
}

fn function(
    model: &Model,
    item: &FnItem,
    coroutine: impl FnOnce(&CoroutineFn<'_>) -> TokenStream,
) -> TokenStream {
    let Model { krate, returned } = model;
    let outcome = &returned.outcome;
    let (lend, lend_in_body) = returned.family(krate);
    let coroutine = coroutine(&CoroutineFn {
        item,
        krate,
        lend: &lend_in_body,
        resume: quote!(#krate::__private::Signal),
        outcome,
        outcome_span: returned.span,
    });
    let returns = quote_spanned! {returned.span=>
        #krate::__private::MainContext<
            impl #krate::__private::Coroutine<
                Lend = #lend,
                Resume = #krate::__private::Signal,
                Future: ::core::future::Future<Output = #outcome> + 'static,
            >
        >
    };
    let sig = wrapper_signature(&item.sig, Vec::new(), &returns);
    let FnItem { attrs, vis, .. } = item;
    quote! {
        #(#attrs)*
        #vis #sig {
            #krate::__private::MainContext::new(#coroutine)
        }
    }
}
