use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::*;

fn bind(wanted: &[Listen]) -> Result<Listeners, ServerError> {
    Listeners::bind(wanted, &mut Inherited::default(), 1, true, true)
}

fn any_port() -> Listeners {
    bind(&[Listen::tcp("127.0.0.1:0")]).unwrap()
}

fn address(found: io::Result<Vec<TcpListener>>) -> SocketAddr {
    found.unwrap()[0].local_addr().unwrap()
}

#[test]
fn listeners_are_found_by_spec_and_by_address() {
    let listeners = any_port();
    let local = listeners.local_addrs().next().unwrap();
    assert_ne!(local.port(), 0);
    assert_eq!(address(listeners.tcp("127.0.0.1:0")), local);
    assert_eq!(address(listeners.tcp(&local.to_string())), local);
    let err = listeners.tcp("127.0.0.1:1").unwrap_err().to_string();
    assert_eq!(
        err,
        format!("the server does not listen on 127.0.0.1:1, but on 127.0.0.1:0 ({local})")
    );
    assert!(
        Listeners::default()
            .tcp("x:1")
            .unwrap_err()
            .to_string()
            .contains("bind(\"x:1\")")
    );
}

/// Pingora once had one socket for both: cloudflare/pingora#990.
#[test]
fn listeners_on_the_same_text_stay_two() {
    let listeners = bind(&[
        Listen::tcp("127.0.0.1:0"),
        Listen::tcp("127.0.0.1:0").name("second"),
    ])
    .unwrap();
    let addrs: Vec<_> = listeners.local_addrs().collect();
    assert_ne!(addrs[0], addrs[1]);
    assert_eq!(listeners.tcp("127.0.0.1:0").unwrap().len(), 2);
    assert_eq!(address(listeners.tcp("second")), addrs[1]);
    assert_eq!(address(listeners.tcp(&addrs[1].to_string())), addrs[1]);
    let passed = listeners.to_pass();
    assert_eq!(passed.len(), 2);
    assert_eq!(passed[0].name, passed[1].name);
    assert_eq!((passed[0].listener, passed[1].listener), (0, 1));
}

#[test]
fn listeners_name_the_address_in_use() {
    let local = any_port();
    let taken = local.local_addrs().next().unwrap().to_string();
    for listen in [Listen::tcp(&taken), Listen::tcp(&taken).reuse_port(true)] {
        let err = bind(&[listen]).unwrap_err();
        assert!(err.is_bind());
        assert_eq!(err.to_string(), format!("cannot listen on {taken}"));
        assert!(
            format!("{err:?}").to_lowercase().contains("in use"),
            "{err:?}"
        );
    }
}

#[test]
fn listeners_that_nobody_passed_fall_back() {
    let err = bind(&[Listen::activated("web")]).unwrap_err();
    assert!(
        format!("{err:?}").contains("FileDescriptorName="),
        "{err:?}"
    );
    let listeners = bind(&[Listen::activated("web").or(Listen::tcp("127.0.0.1:0"))]).unwrap();
    let local = listeners.local_addrs().next().unwrap();
    assert_eq!(address(listeners.tcp("web")), local);
    assert_eq!(address(listeners.tcp("127.0.0.1:0")), local);
    assert!(listeners.unix(Path::new("web")).is_err());
}

#[test]
fn listeners_ipv6_only_is_as_asked() {
    for only in [true, false] {
        let listeners = match bind(&[Listen::tcp("[::]:0").only_v6(only)]) {
            Ok(listeners) => listeners,
            Err(err) => {
                println!("left out, as there is no IPv6 here: {err:?}");
                return;
            }
        };
        let port = listeners.local_addrs().next().unwrap().port();
        let by_v4 = TcpStream::connect(("127.0.0.1", port));
        assert_eq!(by_v4.is_ok(), !only, "{by_v4:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn listeners_shut_let_the_queue_be_served() {
    let mut listeners = any_port();
    let local = listeners.local_addrs().next().unwrap();
    assert!(!listeners.has_waiting());
    let mut early = TcpStream::connect(local).unwrap();
    assert!(listeners.has_waiting());
    listeners.shut();
    let late = TcpStream::connect_timeout(&local, Duration::from_millis(100));
    assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let (mut served, _) = listeners.tcp("127.0.0.1:0").unwrap()[0].accept().unwrap();
    assert!(!listeners.has_waiting());
    // The filter is inherited by the connection, and must not be in its way.
    early.write_all(b"ping").unwrap();
    let mut bytes = [0; 4];
    served.read_exact(&mut bytes).unwrap();
    served.write_all(&bytes).unwrap();
    early.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"ping");
}

#[test]
fn listeners_that_are_handed_over_are_left_alone() {
    let path = std::env::temp_dir().join(format!("aiotools-over-{}.sock", std::process::id()));
    let mut listeners = bind(&[Listen::tcp("127.0.0.1:0"), Listen::unix(&path)]).unwrap();
    let local = listeners.local_addrs().next().unwrap();
    listeners.hand_over(&[]);
    listeners.shut();
    TcpStream::connect(local).unwrap();
    assert!(!listeners.has_waiting());
    listeners.take_over();
    assert!(listeners.has_waiting());
    drop(listeners);
    assert!(!path.exists());
}
