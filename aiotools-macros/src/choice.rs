//! Arguments with a few possible values, such as `policy = cancel`.

use syn::parse::ParseStream;
use syn::{Ident, LitStr};

/// Parses one of `choices`, written as it is or as text, and gives its place in the list.
pub(crate) fn parse(input: ParseStream<'_>, choices: &[&str]) -> syn::Result<Choice> {
    let (text, span) = if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        (text.value(), text.span())
    } else {
        let name: Ident = input.parse()?;
        (name.to_string(), name.span())
    };
    match choices.iter().position(|choice| *choice == text) {
        Some(index) => Ok(Choice { index, span }),
        None => Err(syn::Error::new(span, "")),
    }
}

/// What was chosen, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) index: usize,
    pub(crate) span: proc_macro2::Span,
}
