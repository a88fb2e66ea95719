//! `#[server]`, expanded.
//!
//! ```text
//! #[server]
//! async fn worker(ctx: WorkerContext<Config>) -> io::Result<()> { <body> }
//!
//! fn worker(ctx: WorkerContext<Config>) -> Worker<impl Coroutine<
//!     Lend = Owned<()>,
//!     Resume = Signal,
//!     Future: Future<Output = io::Result<()>> + 'static,
//! >> {
//!     assert_worker_context::<WorkerContext<Config>>();
//!     Worker::new(<coroutine>)
//! }
//! ```
//!
//! For `<coroutine>` see `coroutine_fn.rs`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::FnArg;
use syn::spanned::Spanned;

use super::model::Model;
use crate::coroutine_fn::{CoroutineFn, at, wrapper_signature};
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let (params, lets) = item.plain_params();
    function(model, item, params, |coroutine_fn| {
        coroutine_fn.coroutine(&lets)
    })
}

/// The function with the signature that it would have had, so that `start_server` type-checks.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let context = match &model.context {
        Some(context) => quote!(#context),
        None => quote!(#krate::__private::WorkerContext),
    };
    let params = vec![syn::parse_quote!(_: #context)];
    function(model, item, params, |coroutine_fn| {
        coroutine_fn.placeholder()
    })
}

fn function(
    model: &Model,
    item: &FnItem,
    params: Vec<FnArg>,
    coroutine: impl FnOnce(&CoroutineFn<'_>) -> TokenStream,
) -> TokenStream {
    let Model {
        krate,
        returned,
        context,
    } = model;
    let outcome = &returned.outcome;
    let lend = quote!(#krate::__private::Owned<()>);
    let coroutine = coroutine(&CoroutineFn {
        item,
        krate,
        lend: &lend,
        resume: quote!(#krate::__private::Signal),
        returned,
    });
    let name = at(item.sig.ident.span());
    let krate = &krate.at(name);
    let returns = quote_spanned! {name=>
        #krate::__private::Worker<
            impl #krate::__private::Coroutine<
                Lend = #lend,
                Resume = #krate::__private::Signal,
                Future: ::core::future::Future<Output = #outcome> + 'static,
            >
        >
    };
    let check = context.as_ref().map(|context| {
        quote_spanned! {at(context.span())=>
            #krate::__private::assert_worker_context::<#context>();
        }
    });
    let sig = wrapper_signature(&item.sig, params, &returns);
    let construct = quote_spanned!(name=> <#krate::__private::Worker<_>>::new(#coroutine));
    let FnItem { attrs, vis, .. } = item;
    quote! {
        #(#attrs)*
        #vis #sig {
            #check
            #construct
        }
    }
}
