# Activates this environment, wherever it has been unpacked:
#     source bin/activate.csh
# `deactivate` takes it back. Where the shell does not say which file it reads (in scripts), set bobbin_activate to the
# path of this one first.

set _bobbin_command = ($_)
if ($?bobbin_activate) then
    set _bobbin_script = "$bobbin_activate"
else if ($#_bobbin_command >= 2) then
    set _bobbin_script = "$_bobbin_command[2]"
else
    set _bobbin_script = ""
endif
if (! -f "$_bobbin_script") then
    echo "activate.csh: set bobbin_activate to the path of this file first"
    exit 1
endif
set _bobbin_bin = `dirname "$_bobbin_script"`
set _bobbin_root = `cd "$_bobbin_bin/.." && pwd -P`

if (! $?_BOBBIN_OLD_PATH) set _BOBBIN_OLD_PATH = "$PATH"
setenv PATH "${_bobbin_root}/bin:${_BOBBIN_OLD_PATH}"
if (-d "$_bobbin_root/conda-meta") then
    setenv CONDA_PREFIX "$_bobbin_root"
    if (-d "$_bobbin_root/etc/conda/activate.d") then
        set _bobbin_hooks = `find "$_bobbin_root/etc/conda/activate.d" -name '*.csh'`
        foreach _bobbin_hook ($_bobbin_hooks)
            source "$_bobbin_hook"
        end
        unset _bobbin_hooks
    endif
else
    setenv VIRTUAL_ENV "$_bobbin_root"
endif
alias deactivate 'setenv PATH "$_BOBBIN_OLD_PATH"; unset _BOBBIN_OLD_PATH; unsetenv VIRTUAL_ENV; unsetenv CONDA_PREFIX; unalias deactivate; rehash'
unset _bobbin_command _bobbin_script _bobbin_bin _bobbin_root
rehash
