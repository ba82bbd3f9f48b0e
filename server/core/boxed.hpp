// A value on the heap, copied with its owner, or none: keeps what is large or rare out of what
// there are many of. Reads as the value itself where one is expected; so may only a Boxed that has
// one. Ownership: owns its value. Threading: that of its owner.
#pragma once

#include <memory>
#include <utility>

namespace martlet::core {

template <class T>
class Boxed {
public:
    Boxed() = default;
    // Not explicit: a T may be given wherever a Boxed is kept.
    Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
    Boxed(const Boxed& other) : value_(other.value_ ? std::make_unique<T>(*other) : nullptr) {}
    Boxed(Boxed&&) noexcept = default;
    Boxed& operator=(Boxed other) noexcept {
        value_ = std::move(other.value_);
        return *this;
    }
    ~Boxed() = default;

    explicit operator bool() const { return value_ != nullptr; }
    operator const T&() const { return *value_; }
    const T& operator*() const { return *value_; }
    T& operator*() { return *value_; }
    const T* operator->() const { return value_.get(); }
    T* operator->() { return value_.get(); }
    // The value, made first if there is none.
    T& obtain() {
        if (!value_) {
            value_ = std::make_unique<T>();
        }
        return *value_;
    }

private:
    std::unique_ptr<T> value_;
};

}  // namespace martlet::core
