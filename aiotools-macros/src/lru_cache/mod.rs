//! `#[lru_cache]`.

mod args;
mod expand;
mod key;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::args::Args;
use self::model::Model;
use crate::diag::Diagnostics;
use crate::{item_fn, misplaced};

/// The whole attribute, from tokens to tokens.
pub(crate) fn attribute(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diag = Diagnostics::default();
    let args = Args::parse(args, &mut diag);
    let expanded = match item_fn::parse(item) {
        Ok(function) => {
            let model = Model::new(&args, &function, &mut diag);
            if model.expands {
                expand::expand(&model, &function)
            } else {
                expand::fallback(&model, &function)
            }
        }
        Err(error) => {
            diag.push(misplaced::error("lru_cache", "an `async fn`", item, error));
            item.clone()
        }
    };
    let errors = diag.finish();
    quote!(#expanded #errors)
}
