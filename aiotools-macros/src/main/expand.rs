//! `#[main]`, expanded.
//!
//! ```text
//! #[main]
//! async fn main() -> Result<(), E> { <body> }
//!
//! fn main() -> Result<(), E> {
//!     run_main(Flavor::MultiThread(None), None, async move { <body> })
//! }
//! ```

use proc_macro2::TokenStream;
use quote::quote;

use super::model::Model;
use crate::item_fn::FnItem;
use crate::{block_on, runtime_args};

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let drain = match &model.drain_timeout {
        Some(drain) => quote!(::core::option::Option::Some(#drain)),
        None => quote!(::core::option::Option::None),
    };
    let flavor = runtime_args::flavor(model.workers, krate);
    let block = block_on::block(item, &TokenStream::new(), krate);
    let fork_server = model
        .fork_server
        .then(|| quote!(#krate::__private::start_fork_server::<()>();));
    let body = quote!(#fork_server #krate::__private::run_main(#flavor, #drain, #block));
    block_on::function(item, &TokenStream::new(), &body)
}

/// The function without its body.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let body = quote!(#krate::__private::unreachable());
    block_on::function(item, &TokenStream::new(), &body)
}
