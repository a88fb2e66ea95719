use aiotools::actxmgr;

#[actxmgr]
pub const NUMBER: u32 = 1;

fn main() {}
