# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# This has been parsed, but not built: it needs nixpkgs, which Debian does not have. From a clone: nix build ./packaging/nix
{
  description = "Shows what CPython's Global Interpreter Lock does to a running program";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      each = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in {
      packages = each (pkgs: {
        default = pkgs.stdenv.mkDerivation {
          pname = "gilscope";
          version = "0.1.0";
          src = ../..;
          nativeBuildInputs = [ pkgs.bpftools pkgs.llvmPackages.clang-unwrapped pkgs.llvm ];
          buildInputs = [ pkgs.elfutils pkgs.jansson pkgs.libbpf pkgs.ncurses pkgs.zlib ];
          makeFlags = [ "PREFIX=$(out)" "BPFTOOL=bpftool" "CLANG=clang" ];
          enableParallelBuilding = true;
        };
      });
    };
}
