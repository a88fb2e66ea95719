#[aiotools::main_context]
fn setup(path: &str) -> String {
    yield_!(path.to_string());
}

fn main() {}
