#[aiotools::main_context]
fn setup() -> &str {
    let text = String::new();
    yield_!(&text);
}

fn main() {}
