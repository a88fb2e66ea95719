//! `#[actxmgr]`.

mod args;
mod expand;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use self::args::Args;
use self::model::Model;
use crate::attribute::Attribute;

/// The whole attribute, from tokens to tokens.
pub(crate) fn attribute(args: TokenStream, item: &TokenStream) -> TokenStream {
    let attribute = Attribute {
        name: "actxmgr",
        on: "an `async fn`",
    };
    attribute.run(args, item, Args::parse, |args, function, diag| {
        let model = Model::new(args, function, diag);
        if model.expands {
            expand::expand(&model, function)
        } else {
            expand::fallback(&model, function)
        }
    })
}
