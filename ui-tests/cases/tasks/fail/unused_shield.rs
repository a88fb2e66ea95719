#![deny(unused_must_use)]
use aiotools::shield;

fn main() {
    shield(async {});
}
