# Activates this environment, wherever it has been unpacked. Use it with bash, zsh or ksh:
#     source bin/activate
# It sets what programs expect of an active environment; `deactivate` takes it back.

if [ -n "${BASH_VERSION:-}" ]; then
    _bobbin_script=$(eval 'printf %s "${BASH_SOURCE[0]}"')
elif [ -n "${ZSH_VERSION:-}" ]; then
    _bobbin_script=$(eval 'printf %s "${(%):-%x}"')
elif [ -n "${KSH_VERSION:-}" ]; then
    _bobbin_script=$(eval 'printf %s "${.sh.file}"')
else
    _bobbin_script=${BOBBIN_ACTIVATE:-}
fi
if [ ! -f "$_bobbin_script" ]; then
    echo "activate: this shell does not say which file it reads; set BOBBIN_ACTIVATE to the path of this one first" >&2
    unset _bobbin_script
    return 1
fi
_bobbin_root=$(CDPATH= cd -- "$(dirname -- "$_bobbin_script")/.." && pwd -P)
unset _bobbin_script

if command -v deactivate >/dev/null 2>&1 && [ -n "${_BOBBIN_OLD_PATH:-}" ]; then
    deactivate
fi

deactivate() {
    if [ -d "${CONDA_PREFIX:-}/etc/conda/deactivate.d" ]; then
        for _bobbin_hook in "$CONDA_PREFIX"/etc/conda/deactivate.d/*.sh; do
            [ -r "$_bobbin_hook" ] && . "$_bobbin_hook"
        done
        unset _bobbin_hook
    fi
    PATH=$_BOBBIN_OLD_PATH
    export PATH
    if [ -n "${_BOBBIN_OLD_PYTHONHOME:-}" ]; then
        PYTHONHOME=$_BOBBIN_OLD_PYTHONHOME
        export PYTHONHOME
    fi
    if [ -n "${_BOBBIN_OLD_PS1+set}" ]; then
        PS1=$_BOBBIN_OLD_PS1
    fi
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT CONDA_PREFIX CONDA_DEFAULT_ENV
    unset _BOBBIN_OLD_PATH _BOBBIN_OLD_PYTHONHOME _BOBBIN_OLD_PS1
    unset -f deactivate
    hash -r 2>/dev/null || true
}

_BOBBIN_OLD_PATH=$PATH
PATH=$_bobbin_root/bin:$PATH
export PATH
if [ -n "${PYTHONHOME:-}" ]; then
    _BOBBIN_OLD_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi
if [ -n "${PS1:-}" ] && [ -z "${VIRTUAL_ENV_DISABLE_PROMPT:-}" ]; then
    _BOBBIN_OLD_PS1=$PS1
    PS1="(${_bobbin_root##*/}) $PS1"
fi
if [ -d "$_bobbin_root/conda-meta" ]; then
    CONDA_PREFIX=$_bobbin_root
    CONDA_DEFAULT_ENV=${_bobbin_root##*/}
    export CONDA_PREFIX CONDA_DEFAULT_ENV
    if [ -d "$CONDA_PREFIX/etc/conda/activate.d" ]; then
        for _bobbin_hook in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
            [ -r "$_bobbin_hook" ] && . "$_bobbin_hook"
        done
        unset _bobbin_hook
    fi
else
    VIRTUAL_ENV=$_bobbin_root
    VIRTUAL_ENV_PROMPT=${_bobbin_root##*/}
    export VIRTUAL_ENV VIRTUAL_ENV_PROMPT
fi
unset _bobbin_root
hash -r 2>/dev/null || true
