#[aiotools::test]
struct Case;

fn main() {}
