use aiotools::actxmgr;

#[actxmgr]
struct Number;

fn kept(_: Number) {}

fn main() {}
