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
        Some(keyword) => {
            let name = keyword.to_string();
            let article = if name.starts_with(['e', 'i']) {
                "an"
            } else {
                "a"
            };
            syn::Error::new_spanned(
                &keyword,
                format!("`#[{attribute}]` goes on {wanted}, not on {article} `{name}`"),
            )
        }
        None => error,
    }
}

/// The keyword that says what kind of item this is, unless it is a function.
fn keyword(item: &TokenStream) -> Option<TokenTree> {
    let mut tokens = item.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Ident(ident) = &token else {
            continue;
        };
        match ident.to_string().as_str() {
            "fn" => return None,
            "struct" | "enum" | "union" | "trait" | "impl" | "mod" | "type" | "static" | "use"
            | "macro_rules" => return Some(token),
            // `const fn` is a function.
            "const" if is_name(tokens.peek()) => return Some(token),
            _ => {}
        }
    }
    None
}

fn is_name(token: Option<&TokenTree>) -> bool {
    match token {
        Some(TokenTree::Ident(ident)) => !matches!(
            ident.to_string().as_str(),
            "async" | "unsafe" | "extern" | "fn"
        ),
        _ => false,
    }
}
