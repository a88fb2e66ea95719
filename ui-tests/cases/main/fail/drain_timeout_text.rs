#[aiotools::main(drain_timeout = "soon", drain_timeout = "0s")]
async fn main() {}
