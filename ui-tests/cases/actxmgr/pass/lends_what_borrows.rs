use aiotools::actxmgr;

struct Connection;
struct Transaction<'c>(#[allow(dead_code)] &'c mut Connection);

#[actxmgr(scoped)]
async fn by_reference<'c>(connection: &'c mut Connection) -> &mut Transaction<'c> {
    let mut transaction = Transaction(connection);
    yield_!(&mut transaction);
}

#[actxmgr(scoped)]
async fn by_value(connection: &mut Connection) -> Transaction<'_> {
    yield_!(Transaction(connection));
}

#[actxmgr(scoped)]
async fn generic<T>(mut t: T) -> &mut T {
    yield_!(&mut t);
}

async fn caller(connection: &mut Connection) {
    by_reference(connection).scope(async |t| drop(&t.0)).await;
    by_value(connection).scope(async |t| drop(t)).await;
    generic(connection).scope(async |_connection| ()).await;
}

fn main() {}
