use aiotools::{actxgroup, actxmgr};

#[actxmgr]
async fn text() -> &mut String {
    let mut text = String::new();
    yield_!(&mut text);
}

async fn kept() {
    let Ok(first) = actxgroup([text()])
        .scope(async |mut texts| texts.remove(0))
        .await;
    first.push('a');
}

fn main() {}
