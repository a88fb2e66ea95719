//! `#[server]`.

mod args;
mod expand;
mod model;

use proc_macro2::TokenStream;

use self::args::Args;
use self::model::Model;
use crate::diag::Diagnostics;
use crate::item_fn::FnItem;

/// The whole attribute, from tokens to tokens.
pub(crate) fn attribute(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diag = Diagnostics::default();
    let args = Args::parse(args, &mut diag);
    let function: FnItem = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            diag.push(crate::misplaced::error(
                "server",
                "an `async fn`",
                item,
                error,
            ));
            let errors = diag.finish();
            return quote::quote! { #item #errors };
        }
    };
    let model = Model::new(&args, &function, &mut diag);
    let expanded = if diag.has_errors() {
        expand::fallback(&model, &function)
    } else {
        expand::expand(&model, &function)
    };
    let errors = diag.finish();
    quote::quote! { #expanded #errors }
}
