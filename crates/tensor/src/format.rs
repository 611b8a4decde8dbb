//! Printing like NumPy: nested brackets, aligned columns, the middle of long dimensions left out.

use std::fmt::{self, Debug, Display, Formatter};

use crate::element::Element;
use crate::tensor::Tensor;

/// Above this many elements only the edges are printed.
const SUMMARY_FROM: usize = 1000;
/// Items at each end of a summarised dimension.
const EDGE: usize = 3;

/// `[[1. 2.]\n [3. 4.]]`, aligned; a precision (`{:.2}`) sets the decimals (4 by default).
impl<E: Element> Display for Tensor<E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let summary = self.len() > SUMMARY_FROM;
        let style = Style::of(self, summary, f.precision().unwrap_or(4));
        let mut index = Vec::with_capacity(self.rank());
        style.write(self, &mut index, f)
    }
}

/// The values as [`Display`], then shape and element type.
impl<E: Element> Debug for Tensor<E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self}, shape {:?}, {}", self.shape(), E::NAME)
    }
}

/// How each number of one tensor is written, so that columns align.
struct Style {
    summary: bool,
    scientific: bool,
    precision: usize,
    width: usize,
}

impl Style {
    fn of<E: Element>(tensor: &Tensor<E>, summary: bool, precision: usize) -> Self {
        let mut values = Vec::new();
        visit(tensor, summary, &mut Vec::new(), &mut |x: E| values.push(x.to_f64()));
        let sizes = || values.iter().filter(|x| x.is_finite() && **x != 0.0).map(|x| x.abs());
        let (largest, smallest) = (sizes().fold(0.0, f64::max), sizes().fold(f64::INFINITY, f64::min));
        let scientific = largest >= 1e8 || (smallest < 1e-4 && largest / smallest > 1e3) || largest < 1e-4;
        let scientific = scientific && largest > 0.0;
        let whole = values.iter().all(|x| !x.is_finite() || x.fract() == 0.0);
        let precision = if whole && !scientific { 0 } else { precision };
        let mut style = Self { summary, scientific, precision, width: 0 };
        style.width = values.iter().map(|x| style.number(*x).len()).max().unwrap_or(0);
        style
    }

    fn number(&self, x: f64) -> String {
        match (self.scientific && x.is_finite(), self.precision) {
            (true, precision) => format!("{x:.precision$e}"),
            (false, 0) if x.is_finite() => format!("{x:.0}."),
            (false, precision) => format!("{x:.precision$}"),
        }
    }

    fn write<E: Element>(
        &self,
        tensor: &Tensor<E>,
        index: &mut Vec<usize>,
        f: &mut Formatter<'_>,
    ) -> fmt::Result {
        let axis = index.len();
        if axis == tensor.rank() {
            return write!(f, "{:>width$}", self.number(tensor.at(index).to_f64()), width = self.width);
        }
        let separator = if axis + 1 == tensor.rank() {
            " ".to_owned()
        } else {
            format!("{}{}", "\n".repeat(tensor.rank() - axis - 1), " ".repeat(axis + 1))
        };
        f.write_str("[")?;
        for (n, item) in shown(tensor.shape()[axis], self.summary).into_iter().enumerate() {
            if n > 0 {
                f.write_str(&separator)?;
            }
            match item {
                Some(i) => {
                    index.push(i);
                    self.write(tensor, index, f)?;
                    index.pop();
                }
                None => f.write_str("...")?,
            }
        }
        f.write_str("]")
    }
}

/// Indices along a dimension that are printed; `None` stands for the gap.
fn shown(dim: usize, summary: bool) -> Vec<Option<usize>> {
    if summary && dim > 2 * EDGE {
        let (head, tail) = ((0..EDGE).map(Some), (dim - EDGE..dim).map(Some));
        head.chain([None]).chain(tail).collect()
    } else {
        (0..dim).map(Some).collect()
    }
}

fn visit<E: Element>(tensor: &Tensor<E>, summary: bool, index: &mut Vec<usize>, body: &mut impl FnMut(E)) {
    if index.len() == tensor.rank() {
        return body(tensor.at(index));
    }
    for i in shown(tensor.shape()[index.len()], summary).into_iter().flatten() {
        index.push(i);
        visit(tensor, summary, index, body);
        index.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_like_numpy() {
        let x = Tensor::from_vec(vec![1.0_f32, -2.5, 3.25, 10.0], &[2, 2]);
        assert_eq!(format!("{x:.2}"), "[[ 1.00 -2.50]\n [ 3.25 10.00]]");
        assert_eq!(format!("{:?}", Tensor::<f32>::arange(3)), "[0. 1. 2.], shape [3], f32");
        assert_eq!(format!("{}", Tensor::<f32>::zeros(&[1, 2, 1])), "[[[0.]\n  [0.]]]");
    }

    #[test]
    fn scalars_empties_and_specials() {
        assert_eq!(format!("{}", Tensor::scalar(0.5_f64)), "0.5000");
        assert_eq!(format!("{}", Tensor::<f32>::zeros(&[2, 0])), "[[]\n []]");
        assert_eq!(format!("{:.1}", Tensor::from_vec(vec![f32::NAN, 1.5], &[2])), "[NaN 1.5]");
        assert_eq!(format!("{:.1}", Tensor::from_vec(vec![1e-7_f32, 1.0], &[2])), "[1.0e-7  1.0e0]");
    }

    #[test]
    fn long_tensors_show_their_edges() {
        let text = format!("{}", Tensor::<f32>::arange(2000));
        assert_eq!(text, "[   0.    1.    2. ... 1997. 1998. 1999.]");
    }
}
