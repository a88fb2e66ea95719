#![deny(unused_must_use)]
use aiotools::TaskScope;

fn main() {
    TaskScope::scope(async |_| ());
}
