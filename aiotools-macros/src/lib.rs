//! The attribute macros of aiotools; use them through the `aiotools` crate.

mod actxmgr;
mod args;
mod body_rules;
mod coroutine_fn;
mod diag;
mod duration;
mod item_fn;
mod krate;
mod main_context;
mod misplaced;
mod return_type;
mod server;
mod slot;
mod yields;

use proc_macro::TokenStream;

/// Turns an `async fn` with one `yield_!` into an async context manager.
#[proc_macro_attribute]
pub fn actxmgr(args: TokenStream, item: TokenStream) -> TokenStream {
    actxmgr::attribute(args.into(), &item.into()).into()
}

/// Turns an `async fn` with one `yield_!()` into a worker of a prefork server.
#[proc_macro_attribute]
pub fn server(args: TokenStream, item: TokenStream) -> TokenStream {
    server::attribute(args.into(), &item.into()).into()
}

/// Turns a `fn` with one `yield_!` into the context that the parent of a prefork server holds.
#[proc_macro_attribute]
pub fn main_context(args: TokenStream, item: TokenStream) -> TokenStream {
    main_context::attribute(args.into(), &item.into()).into()
}
