//! `AIOTOOLS_MACROS_DEBUG=1 cargo check` prints every expansion.

use proc_macro2::TokenStream;

const VARIABLE: &str = "AIOTOOLS_MACROS_DEBUG";

/// Prints an expansion to stderr, if asked to.
pub(crate) fn print(attribute: &str, expansion: &TokenStream) {
    if std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty() && value != "0") {
        eprintln!("// #[{attribute}]\n{expansion}\n");
    }
}
