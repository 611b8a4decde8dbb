//! Anything with parameters: visited in declaration order, by path.

use autograd::{BackwardError, Gradients, Var};
use tensor::Element;

use crate::param::Param;

/// The path of a parameter under construction: `layers.0.attn.weight`.
#[derive(Debug, Default)]
pub struct Path {
    text: String,
}

impl Path {
    /// The empty path.
    pub fn root() -> Self {
        Self::default()
    }

    /// Runs `body` with `name` appended.
    pub fn scope<T>(&mut self, name: &str, body: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.text.len();
        if outer > 0 {
            self.text.push('.');
        }
        self.text.push_str(name);
        let result = body(self);
        self.text.truncate(outer);
        result
    }

    /// The path so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Called for each parameter with its path.
pub type Visitor<'v, 'a, E> = dyn FnMut(&str, &'a Param<E>) + 'v;
/// Called for each parameter with its path, to change it.
pub type VisitorMut<'v, 'a, E> = dyn FnMut(&str, &'a mut Param<E>) + 'v;

/// A layer or model: a value with parameters in it.
///
/// Implement it with [`module!`](crate::module!), which visits the fields in the order they are named and
/// does not compile when one is forgotten. How a layer computes is its own `forward` method, whose arguments
/// differ from layer to layer and so are no part of this trait.
pub trait Module<E: Element = f32> {
    /// Visits every parameter below `path`, in declaration order.
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>);

    /// Visits every parameter below `path`, in declaration order, to change it.
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>);

    /// Paths and parameters, in declaration order.
    fn parameters(&self) -> Vec<(String, &Param<E>)> {
        let mut all = Vec::new();
        self.visit(&mut Path::root(), &mut |path, param| all.push((path.to_owned(), param)));
        all
    }

    /// Paths and parameters, in declaration order, to change them.
    fn parameters_mut(&mut self) -> Vec<(String, &mut Param<E>)> {
        let mut all = Vec::new();
        self.visit_mut(&mut Path::root(), &mut |path, param| all.push((path.to_owned(), param)));
        all
    }

    /// Number of trainable values.
    fn parameter_count(&self) -> usize {
        let trainable = |param: &Param<E>| if param.is_trainable() { param.value().len() } else { 0 };
        self.parameters().iter().map(|(_, param)| trainable(param)).sum()
    }

    /// Gradients of `loss`, with the assurance that every trainable parameter got one.
    ///
    /// # Errors
    /// As [`Var::backward`], and [`BackwardError::Unreached`] with the paths of all trainable parameters that
    /// no gradient reached: the graph is cut somewhere, or a parameter is not used.
    fn backward(&self, loss: &Var<E>) -> Result<Gradients<E>, BackwardError> {
        let grads = loss.backward()?;
        let unreached =
            |(_, param): &(String, &Param<E>)| param.is_trainable() && grads.get(param.var()).is_none();
        let paths: Vec<String> =
            self.parameters().into_iter().filter(unreached).map(|(path, _)| path).collect();
        if paths.is_empty() { Ok(grads) } else { Err(BackwardError::Unreached { paths }) }
    }
}

impl<E: Element> Module<E> for Param<E> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        visitor(path.as_str(), self);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        visitor(path.as_str(), self);
    }
}

impl<E: Element, M: Module<E>> Module<E> for Option<M> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        if let Some(module) = self {
            module.visit(path, visitor);
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        if let Some(module) = self {
            module.visit_mut(path, visitor);
        }
    }
}

impl<E: Element, M: Module<E> + ?Sized> Module<E> for Box<M> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        (**self).visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        (**self).visit_mut(path, visitor);
    }
}

/// Items are named by their index: `0`, `1`, …
impl<E: Element, M: Module<E>> Module<E> for Vec<M> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        for (i, module) in self.iter().enumerate() {
            path.scope(&i.to_string(), |path| module.visit(path, visitor));
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        for (i, module) in self.iter_mut().enumerate() {
            path.scope(&i.to_string(), |path| module.visit_mut(path, visitor));
        }
    }
}

/// Implements [`Module`](crate::Module) for a struct generic over its element type: names every field, those
/// with parameters first, the others after `;`. A field in neither list is a compile error, so no parameter
/// is ever left untrained or unsaved. A field may be given another name in paths: `attn as "self_attn"`.
///
/// ```
/// use nn::{Module, Param, module};
/// use tensor::{Element, Tensor};
///
/// struct Scale<E: Element> {
///     weight: Param<E>,
///     epsilon: f64,
/// }
/// module!(Scale<E> { weight; epsilon });
///
/// let scale = Scale { weight: Param::new(Tensor::<f32>::ones(&[3])), epsilon: 1e-5 };
/// assert_eq!(scale.parameters()[0].0, "weight");
/// ```
#[macro_export]
macro_rules! module {
    ($name:ident<$e:ident> { $($field:ident $(as $alias:literal)?),* $(,)? $(; $($other:ident),* $(,)?)? }) => {
        impl<$e: $crate::__Element> $crate::Module<$e> for $name<$e> {
            fn visit<'a>(&'a self, path: &mut $crate::Path, visitor: &mut $crate::Visitor<'_, 'a, $e>) {
                let Self { $($field,)* $($($other: _,)*)? } = self;
                $(path.scope($crate::__path_name!($field $($alias)?), |path| {
                    $crate::Module::<$e>::visit($field, path, visitor);
                });)*
                let _ = (path, visitor);
            }
            fn visit_mut<'a>(
                &'a mut self,
                path: &mut $crate::Path,
                visitor: &mut $crate::VisitorMut<'_, 'a, $e>,
            ) {
                let Self { $($field,)* $($($other: _,)*)? } = self;
                $(path.scope($crate::__path_name!($field $($alias)?), |path| {
                    $crate::Module::<$e>::visit_mut($field, path, visitor);
                });)*
                let _ = (path, visitor);
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __path_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $alias:literal) => {
        $alias
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    struct Inner<E: Element> {
        weight: Param<E>,
        bias: Option<Param<E>>,
        size: usize,
    }
    module!(Inner<E> { weight, bias; size });

    struct Outer<E: Element> {
        layers: Vec<Inner<E>>,
        head: Inner<E>,
    }
    module!(Outer<E> { layers, head as "lm_head" });

    fn inner(bias: bool) -> Inner<f32> {
        let bias = bias.then(|| Param::new(Tensor::zeros(&[2])));
        Inner { weight: Param::new(Tensor::ones(&[2, 3])), bias, size: 3 }
    }

    #[test]
    fn paths_follow_declaration() {
        let mut model = Outer { layers: vec![inner(true), inner(false)], head: inner(true) };
        let paths: Vec<String> = model.parameters().into_iter().map(|(path, _)| path).collect();
        let expected =
            ["layers.0.weight", "layers.0.bias", "layers.1.weight", "lm_head.weight", "lm_head.bias"];
        assert_eq!(paths, expected);
        assert_eq!(model.parameters_mut().len(), 5);
        assert_eq!(model.parameter_count(), 6 * 3 + 4);
        assert_eq!(model.head.size, 3);
    }

    #[test]
    fn unreached_parameters_are_named() {
        let mut model = inner(true);
        let loss = model.weight.var().sum();
        let error = model.backward(&loss).err().unwrap();
        assert_eq!(error, BackwardError::Unreached { paths: vec!["bias".into()] });
        model.bias.as_mut().unwrap().freeze();
        assert!(model.backward(&model.weight.var().sum()).is_ok());
    }
}
