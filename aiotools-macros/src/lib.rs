//! The attribute macros of aiotools; use them through the `aiotools` crate.

mod actxmgr;
mod args;
mod coroutine_fn;
mod diag;
mod duration;
mod item_fn;
mod krate;
mod misplaced;
mod return_type;
mod slot;
mod yields;

use proc_macro::TokenStream;

/// Turns an `async fn` with one `yield_!` into an async context manager.
#[proc_macro_attribute]
pub fn actxmgr(args: TokenStream, item: TokenStream) -> TokenStream {
    actxmgr::attribute(args.into(), item.into()).into()
}
