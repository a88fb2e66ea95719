#![deny(warnings)]

#[aiotools::main(flavor = current_thread, drain_timeout = "2s", fork_server)]
async fn main() -> Result<(), std::io::Error> {
    Ok(())
}
