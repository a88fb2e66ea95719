//! An attribute on something that is not a function.

use proc_macro2::{TokenStream, TokenTree};

/// The error for an item that does not parse as a function: about the attribute if it is another kind
/// of item, otherwise about what is wrong with the function.
pub(crate) fn error(
    attribute: &str,
    wanted: &str,
    item: &TokenStream,
    error: syn::Error,
) -> syn::Error {
    match keyword(item) {
        Some(keyword) => syn::Error::new_spanned(
            &keyword,
            format!("`#[{attribute}]` goes on {wanted}, not on a `{keyword}`"),
        ),
        None => error,
    }
}

/// The keyword that says what kind of item this is, unless it is a function.
fn keyword(item: &TokenStream) -> Option<TokenTree> {
    for token in item.clone() {
        if let TokenTree::Ident(ident) = &token {
            match ident.to_string().as_str() {
                "fn" => return None,
                "struct" | "enum" | "union" | "trait" | "impl" | "mod" | "type" | "static"
                | "use" | "macro_rules" => return Some(token),
                _ => {}
            }
        }
    }
    None
}
