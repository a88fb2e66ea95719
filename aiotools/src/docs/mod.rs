//! Pages that belong to no module.

#[doc = include_str!("coming_from_python.md")]
pub mod coming_from_python {}
