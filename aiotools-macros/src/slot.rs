//! One argument of an attribute: its value, and where its key stands.

use syn::Ident;

use crate::diag::Diagnostics;

/// An argument that may be given once.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    given: Option<(Ident, T)>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { given: None }
    }
}

impl<T> Slot<T> {
    /// Fills the slot; a second time is an error at the second key.
    pub(crate) fn set(&mut self, key: Ident, value: T, diag: &mut Diagnostics) {
        if self.given.is_some() {
            diag.error(&key, format!("`{key}` is given twice; remove one"));
        } else {
            self.given = Some((key, value));
        }
    }

    pub(crate) fn key(&self) -> Option<&Ident> {
        self.given.as_ref().map(|(key, _)| key)
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.given.as_ref().map(|(_, value)| value)
    }
}
