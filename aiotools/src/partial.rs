//! [`apartial!`](crate::apartial).

/// Binds some arguments of a function, async or not, and leaves those open that are written as `_`: a closure that takes the open ones.
///
/// The function and the bound values are evaluated once, here; each call gets clones of the values. So the closure owns all that it
/// needs, can be called any number of times, and is `Clone`, `Send` and `'static` if they are.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use aiotools::apartial;
///
/// async fn greet(greeting: String, name: &str, times: usize) -> String {
///     format!("{greeting}, {name}! ").repeat(times)
/// }
///
/// let twice = apartial!(greet, "hello".to_owned(), _, 2);
/// assert_eq!(twice("ada").await, "hello, ada! hello, ada! ");
/// assert_eq!(twice("grace").await, "hello, grace! hello, grace! ");
/// # });
/// ```
///
/// # When not to use it
///
/// It saves the `let` and the `clone()` that a closure needs which is called more than once:
///
/// ```
/// # async fn greet(greeting: String, name: &str, times: usize) -> String { String::new() }
/// let greeting = "hello".to_owned();
/// let twice = move |name| greet(greeting.clone(), name, 2);
/// # let _ = twice("ada");
/// ```
///
/// Where nothing is to be cloned the closure alone is shorter, and says more: `|name| greet(greeting, name, 2)`. It can also borrow, take
/// arguments in another order, and await. There are no keyword arguments to bind in Rust; a builder does their work.
#[macro_export]
macro_rules! apartial {
    // [what is bound] [what is open] [the arguments of the call] what is left to look at. The names come from different expansions, so
    // they are different names.
    (@ $function:expr, [$($bound:tt)*] [$($open:ident)*] [$($call:tt)*] _ $(, $($rest:tt)*)?) => {
        $crate::apartial!(@ $function, [$($bound)*] [$($open)* open] [$($call)* (open)] $($($rest)*)?)
    };
    (@ $function:expr, [$(($name:ident, $value:expr))*] [$($open:ident)*] [$(($call:expr))*]) => {{
        let function = $function;
        $(let $name = $value;)*
        move |$($open),*| function($($call),*)
    }};
    (@ $function:expr, [$($bound:tt)*] [$($open:ident)*] [$($call:tt)*] $value:expr $(, $($rest:tt)*)?) => {
        $crate::apartial!(
            @ $function,
            [$($bound)* (bound, $value)] [$($open)*] [$($call)* (::core::clone::Clone::clone(&bound))] $($($rest)*)?
        )
    };
    ($function:expr $(, $($arguments:tt)*)?) => {
        $crate::apartial!(@ $function, [] [] [] $($($arguments)*)?)
    };
}
