//! `#[defer]`, and `#[adefer]` for async functions.

mod args;
mod expand;
mod model;
mod places;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use self::args::Args;
use self::model::Model;
use crate::attribute::Attribute;

/// `#[defer]`, from tokens to tokens.
pub(crate) fn defer(args: TokenStream, item: &TokenStream) -> TokenStream {
    let attribute = Attribute {
        name: "defer",
        on: "a function",
    };
    run(&attribute, args, item)
}

/// `#[adefer]`, from tokens to tokens.
pub(crate) fn adefer(args: TokenStream, item: &TokenStream) -> TokenStream {
    let attribute = Attribute {
        name: "adefer",
        on: "an `async fn`",
    };
    run(&attribute, args, item)
}

fn run(attribute: &Attribute<'_>, args: TokenStream, item: &TokenStream) -> TokenStream {
    let parse = |args, diag: &mut _| Args::parse(args, attribute.name, diag);
    attribute.run(args, item, parse, |args, function, diag| {
        let model = Model::new(attribute.name, args, function, diag);
        if model.expands {
            expand::expand(&model, function)
        } else {
            expand::fallback(&model, function)
        }
    })
}
