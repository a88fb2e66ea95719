#[aiotools::main(flavor = fast)]
async fn main() {}
