//! `#[defer]`, and `#[adefer]` for async functions.

mod args;
mod expand;
mod model;
mod places;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::args::Args;
use self::model::Model;
use crate::diag::Diagnostics;
use crate::{item_fn, misplaced};

/// `#[defer]`, from tokens to tokens.
pub(crate) fn defer(args: TokenStream, item: &TokenStream) -> TokenStream {
    attribute("defer", "a function", args, item)
}

/// `#[adefer]`, from tokens to tokens.
pub(crate) fn adefer(args: TokenStream, item: &TokenStream) -> TokenStream {
    attribute("adefer", "an `async fn`", args, item)
}

fn attribute(name: &str, wanted: &str, args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diag = Diagnostics::default();
    let args = Args::parse(args, name, &mut diag);
    let expanded = match item_fn::parse(item) {
        Ok(function) => {
            let model = Model::new(name, &args, &function, &mut diag);
            if model.expands {
                expand::expand(&model, &function)
            } else {
                expand::fallback(&model, &function)
            }
        }
        Err(error) => {
            diag.push(misplaced::error(name, wanted, item, error));
            item.clone()
        }
    };
    let errors = diag.finish();
    quote!(#expanded #errors)
}
