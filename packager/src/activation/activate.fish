# Activates this environment, wherever it has been unpacked:
#     source bin/activate.fish
# `deactivate` takes it back.

set -l _bobbin_root (cd (dirname (status filename))/..; and pwd -P)

function deactivate -d "Leave the environment"
    if set -q CONDA_PREFIX; and test -d "$CONDA_PREFIX/etc/conda/deactivate.d"
        for hook in $CONDA_PREFIX/etc/conda/deactivate.d/*.fish
            source $hook
        end
    end
    set -gx PATH $_BOBBIN_OLD_PATH
    set -q _BOBBIN_OLD_PYTHONHOME; and set -gx PYTHONHOME $_BOBBIN_OLD_PYTHONHOME
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    set -e CONDA_PREFIX
    set -e CONDA_DEFAULT_ENV
    set -e _BOBBIN_OLD_PATH
    set -e _BOBBIN_OLD_PYTHONHOME
    functions -e deactivate
end

set -q _BOBBIN_OLD_PATH; or set -g _BOBBIN_OLD_PATH $PATH
set -gx PATH $_bobbin_root/bin $_BOBBIN_OLD_PATH
if set -q PYTHONHOME
    set -g _BOBBIN_OLD_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end
if test -d "$_bobbin_root/conda-meta"
    set -gx CONDA_PREFIX $_bobbin_root
    set -gx CONDA_DEFAULT_ENV (basename $_bobbin_root)
    for hook in $CONDA_PREFIX/etc/conda/activate.d/*.fish
        source $hook
    end
else
    set -gx VIRTUAL_ENV $_bobbin_root
    set -gx VIRTUAL_ENV_PROMPT (basename $_bobbin_root)
end
