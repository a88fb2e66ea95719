//! The grammar of attribute arguments: `key`, or `key = value`, separated by commas.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Ident, Path, Token};

use crate::choice::{self, Choice};
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

/// A key that an attribute knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What to write, for error messages.
    pub(crate) usage: &'static str,
    /// What people write when they mean this one.
    pub(crate) mistaken_for: &'static [&'static str],
}

/// The one that every attribute has.
pub(crate) const CRATE: Key = Key {
    name: "crate",
    usage: "crate = path",
    mistaken_for: &["krate", "path"],
};

/// Walks the arguments. `take` is called with each that is known, and puts it into its slot; what is left of it up to the next comma is an
/// error.
///
/// Goes on after an error, so that all mistakes are reported.
pub(crate) fn parse(
    tokens: TokenStream,
    attribute: &str,
    keys: &[Key],
    diag: &mut Diagnostics,
    mut take: impl FnMut(Arg<'_>) -> syn::Result<()>,
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
    take: &mut impl FnMut(Arg<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!(
            "expected an argument of `#[{attribute}]`: {}",
            list(keys)
        )));
    }
    let written = Ident::parse_any(input)?;
    let name = written.to_string();
    let known = keys.iter().find(|known| known.name == name);
    let (key, known) = if let Some(known) = known {
        (written, known)
    } else {
        let meant = keys
            .iter()
            .find(|known| known.mistaken_for.contains(&name.as_str()));
        let Some(meant) = meant else {
            return Err(syn::Error::new(
                written.span(),
                format!(
                    "`#[{attribute}]` has no argument `{name}`; it has {}",
                    list(keys)
                ),
            ));
        };
        diag.error(
            &written,
            format!(
                "`#[{attribute}]` has no argument `{name}`; did you mean `{}`?",
                meant.usage
            ),
        );
        // Goes on with what was meant, so that nothing follows from the mistake.
        (Ident::new(meant.name, written.span()), meant)
    };
    take(Arg {
        key,
        known,
        input,
        diag,
    })?;
    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error("expected `,` before the next argument"))
    }
}

/// An argument, behind its key.
pub(crate) struct Arg<'a> {
    key: Ident,
    known: &'a Key,
    input: ParseStream<'a>,
    diag: &'a mut Diagnostics,
}

impl Arg<'_> {
    pub(crate) fn name(&self) -> &'static str {
        self.known.name
    }

    /// `key`, without a value.
    pub(crate) fn flag(self, slot: &mut Slot<()>) -> syn::Result<()> {
        let valued = self.has_value().then(|| {
            let key = &self.key;
            let message = format!("`{key}` takes no value; write `{key}` alone");
            syn::Error::new(key.span(), message)
        });
        // Set in any case, so that nothing follows from the mistake.
        slot.set(self.key, (), self.diag);
        valued.map_or(Ok(()), Err)
    }

    /// `key = value`.
    pub(crate) fn value<T: Parse>(self, slot: &mut Slot<T>) -> syn::Result<()> {
        self.value_with(slot, T::parse)
    }

    /// `key`, or `key = value`.
    pub(crate) fn optional_value<T: Parse>(self, slot: &mut Slot<Option<T>>) -> syn::Result<()> {
        if self.has_value() {
            self.value_with(slot, |input| T::parse(input).map(Some))
        } else {
            slot.set(self.key, None, self.diag);
            Ok(())
        }
    }

    /// `key = choice`, where there are a few.
    pub(crate) fn choice(self, slot: &mut Slot<Choice>, choices: &[&str]) -> syn::Result<()> {
        self.value_with(slot, |input| choice::parse(input, choices))
    }

    /// `crate = path`.
    pub(crate) fn krate(self, slot: &mut Slot<Path>) -> syn::Result<()> {
        self.value_with(slot, Krate::parse)
    }

    fn has_value(&self) -> bool {
        self.input.peek(Token![=])
    }

    /// A missing value is blamed on the key.
    fn value_with<T>(
        self,
        slot: &mut Slot<T>,
        parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<()> {
        let (key, usage, input) = (self.key, self.known.usage, self.input);
        let missing = || syn::Error::new(key.span(), format!("`{key}` needs a value: `{usage}`"));
        if !input.peek(Token![=]) {
            return Err(missing());
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(missing());
        }
        let value = parse(input).map_err(|error| {
            let message = format!("this cannot be the value of `{key}`; write `{usage}`");
            syn::Error::new(error.span(), message)
        })?;
        slot.set(key, value, self.diag);
        Ok(())
    }
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
