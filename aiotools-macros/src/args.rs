//! The grammar of attribute arguments: `key`, or `key = value`, separated by commas.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, Token};

use crate::diag::Diagnostics;

/// A key that an attribute knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What to write, for error messages.
    pub(crate) usage: &'static str,
    /// What people write when they mean this one.
    pub(crate) mistaken_for: &'static [&'static str],
}

/// Walks the arguments. `take` is called at each known key, behind the key itself, and parses the
/// rest of that argument; what it does not consume up to the next comma is an error.
///
/// Goes on after an error, so that all mistakes are reported.
pub(crate) fn parse(
    tokens: TokenStream,
    attribute: &str,
    keys: &[Key],
    diag: &mut Diagnostics,
    mut take: impl FnMut(&Ident, ParseStream<'_>, &mut Diagnostics) -> syn::Result<()>,
) {
    let walk = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = argument(input, attribute, keys, diag, &mut take) {
                diag.push(error);
                skip_to_comma(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = walk.parse2(tokens) {
        diag.push(error);
    }
}

fn argument(
    input: ParseStream<'_>,
    attribute: &str,
    keys: &[Key],
    diag: &mut Diagnostics,
    take: &mut impl FnMut(&Ident, ParseStream<'_>, &mut Diagnostics) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!(
            "expected an argument of `#[{attribute}]`: {}",
            list(keys)
        )));
    }
    let key = Ident::parse_any(input)?;
    let name = key.to_string();
    if !keys.iter().any(|known| known.name == name) {
        let meant = keys
            .iter()
            .find(|known| known.mistaken_for.contains(&name.as_str()));
        let message = match meant {
            Some(known) => format!(
                "`#[{attribute}]` has no argument `{name}`; did you mean `{}`?",
                known.usage
            ),
            None => format!(
                "`#[{attribute}]` has no argument `{name}`; it has {}",
                list(keys)
            ),
        };
        return Err(syn::Error::new(key.span(), message));
    }
    take(&key, input, diag)?;
    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error("expected `,` before the next argument"))
    }
}

/// Parses `= value`. A missing value is blamed on the key.
pub(crate) fn value<T: syn::parse::Parse>(
    key: &Ident,
    usage: &str,
    input: ParseStream<'_>,
) -> syn::Result<T> {
    value_with(key, usage, input, T::parse)
}

/// As [`value`], with a parser.
pub(crate) fn value_with<T>(
    key: &Ident,
    usage: &str,
    input: ParseStream<'_>,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    let missing = || syn::Error::new(key.span(), format!("`{key}` needs a value: `{usage}`"));
    if !input.peek(Token![=]) {
        return Err(missing());
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(missing());
    }
    parse(input).map_err(|error| {
        let message = format!("this cannot be the value of `{key}`; write `{usage}`");
        syn::Error::new(error.span(), message)
    })
}

/// Refuses a value behind a flag.
pub(crate) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{key}` takes no value; write `{key}` alone"),
        ));
    }
    Ok(())
}

fn list(keys: &[Key]) -> String {
    let usages: Vec<_> = keys.iter().map(|key| format!("`{}`", key.usage)).collect();
    usages.join(", ")
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
