//! `#[test]`, expanded.
//!
//! ```text
//! #[test(virtual_clock)]
//! async fn passes(clock: VirtualClock) -> Result<(), E> { <body> }
//!
//! #[::core::prelude::v1::test]
//! fn passes() -> Result<(), E> {
//!     run_virtual_test(None, async move { let clock: VirtualClock = VirtualClock::current(); <body> })
//! }
//! ```

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::FnArg;
use syn::spanned::Spanned;

use super::model::Model;
use crate::item_fn::FnItem;
use crate::{block_on, runtime_args};

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let private = quote!(#krate::__private);
    let timeout = match &model.timeout {
        Some(timeout) => quote!(::core::option::Option::Some(#timeout)),
        None => quote!(::core::option::Option::None),
    };
    let lets = match item.sig.inputs.first() {
        Some(FnArg::Typed(clock)) => {
            let (pat, ty) = (&clock.pat, &clock.ty);
            quote_spanned! {ty.span()=> let #pat: #ty = #private::VirtualClock::current(); }
        }
        _ => TokenStream::new(),
    };
    let block = block_on::block(item, &lets, krate);
    let body = if model.virtual_clock {
        quote!(#private::run_virtual_test(#timeout, #block))
    } else {
        let flavor = runtime_args::flavor(model.workers, krate);
        quote!(#private::run_test(#flavor, #timeout, #block))
    };
    block_on::function(item, &quote!(#[::core::prelude::v1::test]), &body)
}

/// The function, not as a test.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let body = quote!(#krate::__private::unreachable());
    block_on::function(item, &quote!(#[allow(dead_code)]), &body)
}
