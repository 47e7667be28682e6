# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Ruby has parsed this, but it has not been built: Homebrew is not in Debian. For Homebrew on Linux: brew install --build-from-source ./gilscope.rb
class Gilscope < Formula
  desc "Shows what CPython's Global Interpreter Lock does to a running program"
  homepage "https://gilscope.invalid/"
  url "file:///tmp/gilscope-0.1.0.tar.xz"
  license any_of: ["GPL-2.0-only", "BSD-2-Clause"]

  depends_on "bpftool" => :build
  depends_on "llvm" => :build
  depends_on "elfutils"
  depends_on "jansson"
  depends_on "libbpf"
  depends_on :linux
  depends_on "ncurses"
  depends_on "zlib"

  def install
    system "make", "BPFTOOL=bpftool", "CLANG=#{Formula["llvm"].opt_bin}/clang", "PREFIX=#{prefix}", "install"
  end

  test do
    system bin/"gilscope", "--version"
  end
end
