use aiotools::{AsyncContextManager, actxmgr};

struct Line<'l>(&'l std::sync::Mutex<&'l str>);

#[actxmgr]
async fn line() -> Line<'_> {
    let text = std::sync::Mutex::new("long");
    yield_!(Line(&text));
}

// Could leave a shorter `&str` in what is lent.
fn enter_by_trait(_: impl AsyncContextManager) {}

fn main() {
    enter_by_trait(line());
}
