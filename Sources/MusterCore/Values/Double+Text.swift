extension Double {
    /// `12.3%`: a share as people read it, with one decimal below 99.95%.
    package var percentText: String {
        let tenths = (self * 1000).rounded()
        guard tenths.isFinite, abs(tenths) < 1e15 else { return "?%" }
        let whole = Int64(tenths)
        return whole % 10 == 0 ? "\(whole / 10)%" : "\(whole / 10).\(abs(whole % 10))%"
    }

    /// A number for people: up to `decimals` places, no trailing zeros.
    package func text(decimals: Int = 2) -> String {
        guard isFinite, abs(self) < 1e15 else { return "\(self)" }
        let rounded = rounded(toPlaces: decimals)
        return rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
    }

    /// Rounded to so many decimal places, for records that people read.
    package func rounded(toPlaces places: Int) -> Double {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
