#![deny(warnings, missing_docs)]
//! Attributes, visibility, a path and a generic type.

aiotools::context_var! {
    /// Who asks.
    pub static TENANT: String;
    pub(crate) static LIMITS: std::collections::BTreeMap<u32, Vec<u8>>
}

fn main() {
    assert_eq!(TENANT.sync_scope("ada".into(), || TENANT.get()).as_deref(), Some("ada"));
    assert!(LIMITS.get().is_none());
}
