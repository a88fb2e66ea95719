#[aiotools::test(flavor = fast)]
async fn passes() {}

fn main() {}
