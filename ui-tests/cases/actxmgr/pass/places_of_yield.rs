use aiotools::actxmgr;

use aiotools::Exit;
use std::io;

#[actxmgr]
async fn in_match() -> io::Result<u32> {
    match yield_!(1) {
        Exit::Completed => Ok(()),
        _ => Err(io::ErrorKind::Other.into()),
    }
}

#[actxmgr]
async fn in_arms(n: Option<u32>) -> u32 {
    let exit = match n {
        Some(n) => yield_!(n),
        None if cfg!(unix) => yield_!(0),
        None => {
            yield_!(1);
            return;
        }
    };
    drop(exit);
}

#[actxmgr]
async fn in_macros() -> Result<u32, std::num::ParseIntError> {
    println!("{}", yield_!("1".parse::<u32>()?));
    Ok(())
}

#[actxmgr]
async fn in_select() {
    tokio::select! {
        () = std::future::ready(()) => {
            if let Exit::Failed = yield_!() {}
        }
        else => {}
    }
}

#[actxmgr]
async fn beside_another() -> u32 {
    #[actxmgr]
    async fn inner() -> &mut u32 {
        let mut n = 1;
        yield_!(&mut n);
    }
    let n = inner().await;
    yield_!(*n);
    n.exit().await;
}

macro_rules! manager {
    ($name:ident, $value:expr) => {
        #[actxmgr]
        async fn $name() -> u32 {
            yield_!($value);
        }
    };
}
manager!(made_by_macro, 1);

#[actxmgr]
async fn by_configuration() -> u32 {
    #[cfg(unix)]
    yield_!(1);
    #[cfg(not(unix))]
    yield_!(2);
}

#[actxmgr]
async fn returns_early(early: bool) -> io::Result<u32> {
    if early {
        yield_!(1);
        return Ok(());
    }
    yield_!(2);
    panic!("done");
}

fn main() {}
