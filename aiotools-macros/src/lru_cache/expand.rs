//! `#[lru_cache]`, expanded.
//!
//! ```text
//! #[lru_cache(max_size = 100)]
//! pub async fn page(id: u32, lang: &str) -> Result<Page, Arc<Error>> { <body> }
//!
//! pub async fn page(id: u32, lang: &str) -> Result<Page, Arc<Error>> {
//!     let key = page::key(&id, lang);
//!     page::cache().of().try_get_with(key, async move {
//!         if false { return unreachable::<Result<Page, Arc<Error>>>(); }
//!         let id = id;
//!         let lang = lang;
//!         <body>
//!     }).await
//! }
//!
//! pub enum page {}
//!
//! impl page {
//!     fn cache() -> &'static FunctionCache { static CACHE: FunctionCache = ..; &CACHE }
//!     fn key(id: &u32, lang: &str) -> impl CacheKey + use<> { (key_part(id), borrowed_key_part(lang)) }
//!     pub fn cache_info() -> CacheInfo { .. }
//!     pub fn cache_clear() { .. }
//!     pub fn cache_invalidate(id: &u32, lang: &str) -> bool { .. }
//!     pub async fn cache_close() { .. }
//! }
//! ```
//!
//! An enum, as its name is among the types and that of the function among the values, so that both can be `page`; and, unlike a module, it sees
//! the types that the function sees, inside another function too. With `cache = ..` there is no enum, and the key is made in place.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::FnArg;
use syn::ext::IdentExt;

use super::model::{Errors, MaxSize, Model, Place};
use crate::coroutine_fn::at;
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let function = function(model, item);
    let companion = match &model.place {
        Place::Function { .. } => companion(model, item, true),
        Place::Given(_) => TokenStream::new(),
    };
    quote!(#function #companion)
}

/// The function as it was written, and the companion without what depends on the key.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    let FnItem {
        attrs,
        vis,
        sig,
        braces,
        ..
    } = item;
    let companion = match &model.place {
        Place::Function { .. } if receiver(item).is_none() => companion(model, item, false),
        _ => TokenStream::new(),
    };
    quote!(#(#attrs)* #vis #sig #braces #companion)
}

fn function(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let name = &item.sig.ident;
    // What the value and the error must be is blamed on the return type.
    let span = at(model.returned.span);
    let cache_var = Ident::new("__aiotools_cache", span);
    let key_var = Ident::new("__aiotools_key", span);
    let arguments = model.key.arguments();
    let (cache, key) = match &model.place {
        Place::Function { .. } => (
            quote_spanned!(span=> #name::__aiotools_cache().of()),
            quote!(#name::__aiotools_key(#arguments)),
        ),
        Place::Given(cache) => {
            let (params, body) = (model.key.params(), model.key.body(krate));
            let cache = if owned_receiver(item) {
                // The body takes the receiver with it.
                quote!(&#krate::__private::LruCache::clone(&#cache))
            } else {
                quote!(&#cache)
            };
            (cache, quote!((|#params| #body)(#arguments)))
        }
    };
    let method = match (model.errors, model.stale) {
        (Errors::None, false) => "get_with",
        (Errors::Share, false) => "try_get_with",
        (Errors::Retry, false) => "retry_get_with",
        (Errors::None, true) => "get_stale_with",
        (Errors::Share, true) => "try_get_stale_with",
        (Errors::Retry, true) => "retry_get_stale_with",
    };
    let method = Ident::new(method, span);
    let krate_at = krate.at(span);
    let computation = computation(model, item);
    let get = quote_spanned! {span=>
        #krate_at::__private::LruCache::#method(#cache_var, #key_var, #computation).await
    };
    let (params, _) = item.plain_params();
    let mut sig = item.sig.clone();
    sig.inputs = params.into_iter().collect();
    let FnItem { attrs, vis, .. } = item;
    quote! {
        #(#attrs)*
        #vis #sig {
            let #cache_var = #cache;
            let #key_var = #key;
            #get
        }
    }
}

fn computation(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let (_, lets) = item.plain_params();
    let body = &item.body;
    let span = at(model.returned.span);
    // Types the body by what was written, unless only the body can tell.
    let edge = match &item.sig.output {
        _ if model.returned.has_impl_trait() => TokenStream::new(),
        syn::ReturnType::Default => {
            quote_spanned! {span=> return #krate::__private::unreachable::<()>(); }
        }
        syn::ReturnType::Type(_, ty) => {
            quote_spanned! {span=> return #krate::__private::unreachable::<#ty>(); }
        }
    };
    quote_spanned! {span=>
        async move {
            #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::needless_return)]
            if false {
                #edge
            }
            #lets
            #body
        }
    }
}

fn receiver(item: &FnItem) -> Option<&syn::Receiver> {
    match item.sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => Some(receiver),
        _ => None,
    }
}

fn owned_receiver(item: &FnItem) -> bool {
    receiver(item)
        .is_some_and(|receiver| !matches!(receiver.kind, syn::ReceiverKind::Reference(..)))
}

fn companion(model: &Model, item: &FnItem, complete: bool) -> TokenStream {
    let krate = &model.krate;
    let private = quote!(#krate::__private);
    let name = &item.sig.ident;
    let vis = &item.vis;
    let cfgs: Vec<_> = item
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .collect();
    let plain = name.unraw().to_string();
    let settings = settings(model);
    let of_key = complete.then(|| of_key(model, item, &private));
    quote! {
        #(#cfgs)*
        #[doc = ::core::concat!(" The cache of the function `", #plain, "`.")]
        #[allow(non_camel_case_types, dead_code)]
        #[derive(::core::fmt::Debug)]
        #vis enum #name {}

        #(#cfgs)*
        #[allow(dead_code, clippy::ptr_arg, clippy::trivially_copy_pass_by_ref)]
        impl #name {
            #[doc(hidden)]
            fn __aiotools_cache() -> &'static #private::FunctionCache {
                static CACHE: #private::FunctionCache = #private::FunctionCache::new(#settings);
                &CACHE
            }

            /// How the cache is used.
            #vis fn cache_info() -> #private::CacheInfo {
                Self::__aiotools_cache().info()
            }

            /// Removes all entries, and starts to count from zero.
            #vis fn cache_clear() {
                Self::__aiotools_cache().clear();
            }

            /// Removes all entries, ends the computations in the background, and keeps nothing from now on.
            #vis async fn cache_close() {
                Self::__aiotools_cache().close().await;
            }

            #of_key
        }
    }
}

fn settings(model: &Model) -> TokenStream {
    let Place::Function {
        max_size,
        expire_after,
        stale,
    } = &model.place
    else {
        return TokenStream::new();
    };
    let some = quote!(::core::option::Option::Some);
    let none = quote!(::core::option::Option::None);
    let max_size = match max_size {
        MaxSize::Default => quote!(#some(128)),
        MaxSize::Unlimited => none.clone(),
        MaxSize::Entries(size) => quote!(#some(#size)),
    };
    let expire_after = match expire_after {
        Some(age) => quote!(#some(#age)),
        None => none,
    };
    let stale = match stale {
        Some(window) => quote!(#window),
        None => quote!(::core::time::Duration::ZERO),
    };
    quote!(#max_size, #expire_after, #stale)
}

/// What depends on the key.
fn of_key(model: &Model, item: &FnItem, private: &TokenStream) -> TokenStream {
    let vis = &item.vis;
    let (generics, _, bounds) = item.sig.generics.split_for_impl();
    let generics = if item.sig.generics.params.is_empty() {
        TokenStream::new()
    } else {
        generics.to_token_stream()
    };
    let (params, body, own) = (
        model.key.params(),
        model.key.body(&model.krate),
        model.key.own_params(),
    );
    quote! {
        #[doc(hidden)]
        fn __aiotools_key #generics (#params) -> impl #private::CacheKey + use<> #bounds {
            #body
        }

        /// Removes the entry for these arguments, and says whether there was one.
        #vis fn cache_invalidate #generics (#params) -> bool #bounds {
            Self::__aiotools_cache().invalidate(&Self::__aiotools_key(#own))
        }
    }
}
