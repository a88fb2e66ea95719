//! `#[actxmgr]`, expanded.
//!
//! ```text
//! #[actxmgr]
//! async fn transaction(db: Db) -> Result<&mut Tx, DbError> { <body> }
//!
//! fn transaction(db: Db) -> Manager<impl Coroutine<
//!     Lend = Mut<Tx>,
//!     Resume = Exit,
//!     Future = impl Future<Output = Result<(), DbError>> + Send + 'static,
//! >> {
//!     Manager::shared(Spec::new("app::transaction"), <coroutine>)
//! }
//! ```
//!
//! `local` leaves out `Send`, `scoped` also `'static`. What is returned captures the lifetimes of the
//! arguments, also in a user's crate of an edition before 2024: the edition of an `impl Trait` is that of
//! the macro that wrote it. For `<coroutine>` see `coroutine_fn.rs`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::FnArg;
use syn::ext::IdentExt;

use super::model::{Kind, Model};
use crate::about::about;
use crate::coroutine_fn::{CoroutineFn, at, wrapper_signature};
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let (params, lets) = item.plain_params();
    function(model, item, params, |coroutine_fn| {
        coroutine_fn.coroutine(&lets)
    })
}

/// The function with the signature that it would have had, so that its callers type-check.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    if model.returned.has_impl_trait() {
        // Nothing can stand in for a value of a type that only the body knows.
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
    let Model {
        krate, returned, ..
    } = model;
    let outcome = &returned.outcome;
    let (lend, lend_in_body) = returned.family(model.kind != Kind::Scoped, krate);
    let coroutine = coroutine(&CoroutineFn {
        item,
        krate,
        lend: &lend_in_body,
        resume: quote!(#krate::__private::Exit),
        returned,
    });
    let name = at(item.sig.ident.span());
    let krate = &krate.at(name);
    let (constructor, bounds) = match model.kind {
        Kind::Shared => (
            quote_spanned!(name=> <#krate::__private::Manager<_>>::shared),
            quote_spanned!(name=> + ::core::marker::Send + 'static),
        ),
        Kind::Local => (
            quote_spanned!(name=> <#krate::__private::Manager<_>>::local),
            quote_spanned!(name=> + 'static),
        ),
        Kind::Scoped => (
            quote_spanned!(name=> <#krate::__private::ScopedManager<_>>::new),
            TokenStream::new(),
        ),
    };
    let manager = match model.kind {
        Kind::Scoped => quote_spanned!(name=> ScopedManager),
        Kind::Shared | Kind::Local => quote_spanned!(name=> Manager),
    };
    let returns = quote_spanned! {name=>
        #krate::__private::#manager<
            impl #krate::__private::Coroutine<
                Lend = #lend,
                Resume = #krate::__private::Exit,
                Future = impl ::core::future::Future<Output = #outcome> #bounds,
            >
        >
    };
    let spec = spec(model, &item.sig.ident.unraw().to_string());
    let sig = wrapper_signature(&item.sig, params, &returns);
    let construct = quote_spanned!(name=> #constructor(#spec, #coroutine));
    let FnItem { attrs, vis, .. } = item;
    quote! {
        #(#attrs)*
        #vis #sig {
            #construct
        }
    }
}

fn spec(model: &Model, name: &str) -> TokenStream {
    let Model {
        krate, returned, ..
    } = model;
    let outcome = &returned.outcome;
    match &model.cleanup_timeout {
        None => {
            let about = about(krate, name, Span::call_site());
            quote!(#krate::__private::Spec::new(#about))
        }
        Some(limit) => quote! {
            #krate::__private::Spec::new(const {
                &#krate::__private::About {
                    name: ::core::concat!(::core::module_path!(), "::", #name),
                    cleanup_timeout: ::core::option::Option::Some(#limit),
                }
            }).on_timeout(
                |timed_out| {
                    #[allow(unused_imports)]
                    use #krate::__private::{TimedOutAsError as _, TimedOutAsPanic as _};
                    (&&#krate::__private::TimedOut::<#outcome>::new()).__aiotools_outcome(timed_out)
                },
            )
        },
    }
}
