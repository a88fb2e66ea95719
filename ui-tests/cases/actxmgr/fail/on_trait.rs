use aiotools::actxmgr;

#[actxmgr]
pub trait Number {}

fn kept(_: impl Number) {}

fn main() {}
