//! Functions compiled for every instruction set.

/// Defines a function whose body is compiled for every [`Level`](crate::Level) and run at the widest.
///
/// Written as a function with a lifetime, an [`Element`](crate::Element) type and possibly one more
/// generic; the body may use the constant `FMA`. What it calls must be `#[inline(always)]`.
macro_rules! compiled {
    ($(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident<$lt:lifetime, $e:ident $(, $g:ident: $bound:path)?>($($arg:ident: $ty:ty),* $(,)?)
            $(-> $out:ty)? $body:block
    )*) => {$(
        $(#[$meta])*
        #[inline]
        $vis fn $name<$lt, $e: $crate::Element $(, $g: $bound)?>($($arg: $ty),*) $(-> $out)? {
            struct Arguments<$lt, $e $(, $g)?> {
                $($arg: $ty,)*
                element: std::marker::PhantomData<(&$lt $e, $($g)?)>,
            }
            impl<$lt, $e: $crate::Element $(, $g: $bound)?> $crate::simd::Kernel for Arguments<$lt, $e $(, $g)?> {
                type Output = $crate::kernels::compiled::compiled!(@output $($out)?);
                #[inline(always)]
                fn run<const FMA: bool>(self) -> Self::Output {
                    let Self { $($arg,)* element: _ } = self;
                    $body
                }
            }
            $crate::simd::dispatch(Arguments { $($arg,)* element: std::marker::PhantomData })
        }
    )*};
    (@output) => { () };
    (@output $out:ty) => { $out };
}
pub(crate) use compiled;
